"""What the LDAP ALG counts: messages by operation."""

from doorman.algs.statistics import rows
from doorman.wire.ldap import OPERATIONS

ROWS = rows(OPERATIONS.values(), {})
