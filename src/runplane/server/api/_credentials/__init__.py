"""The engine of the four credential families: `kinds` says what each is, `family` makes its operations.

The rooms of the families (api.apps, api.service_accounts, …) are the addresses; nothing else imports this.
"""
