"""What an administration sees of its municipality: accounts, sessions, audit, hints, sharing.

Each panel asks the policy itself, and so does every function that it calls.
"""
