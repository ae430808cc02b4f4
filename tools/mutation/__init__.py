"""Mutation testing: does a test go red when a line of the access control is wrong?"""
