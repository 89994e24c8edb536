"""The LDAP ALG, for directories of NetMeeting."""
