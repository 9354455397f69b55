"""The same race for everyone; see README.md beside this file."""
