-- One load for wrk, described by a table in the file named by the first argument (bench/load.py writes it).
-- Every response is looked at: wrk itself counts only statuses from 400 on as errors.

local threads = {}
good, bad, walked, exhausted, first_bad = 0, 0, 0, 0, ""

local plan, make, saved

local function lines(path, skip)
  local found = {}
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    if number > skip then
      found[#found + 1] = line
    end
  end
  return found
end

local function each_token_once()
  local tokens = lines(plan.tokens, plan.skip or 0)
  local paths = plan.paths and lines(plan.paths, 0) or { plan.path }
  local headers = { Authorization = "" }
  return function()
    walked = walked + 1
    local token = tokens[walked]
    if token == nil then
      exhausted = exhausted + 1
      token = tokens[#tokens]
    end
    headers.Authorization = "Bearer " .. token
    return wrk.format(plan.method, paths[math.random(#paths)], headers)
  end
end

local function any_path()
  local requests = {}
  for _, path in ipairs(plan.paths and lines(plan.paths, 0) or { plan.path }) do
    requests[#requests + 1] = wrk.format(plan.method, path, plan.headers, plan.body)
  end
  if #requests == 1 then
    return function() return requests[1] end
  end
  return function() return requests[math.random(#requests)] end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  plan = dofile(args[1])
  math.randomseed(plan.seed or 1)
  make = plan.tokens and each_token_once() or any_path()
  saved = plan.save and io.open(plan.save, "a")
end

function request()
  return make()
end

function response(status, _, body)
  if status >= 200 and status < 300 then
    good = good + 1
    if saved then
      saved:write(body:match('"accessToken":"([^"]+)"'), "\n")
    end
  else
    bad = bad + 1
    if first_bad == "" then
      first_bad = status .. " " .. body:sub(1, 200):gsub("[^%w%p ]", ""):gsub('["\\]', "'")
    end
  end
end

function done(summary, latency)
  local thread = threads[1]
  local socket_errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    'BENCH {"good":%d,"bad":%d,"first_bad":"%s","walked":%d,"exhausted":%d,"socket_errors":%d,'
      .. '"wall_us":%d,"p50_us":%d,"p99_us":%d}\n',
    thread:get("good"), thread:get("bad"), thread:get("first_bad"), thread:get("walked"), thread:get("exhausted"),
    socket_errors, summary.duration, latency:percentile(50), latency:percentile(99)))
end
