"""What the DNS ALG counts: requests by what they ask, and responses by how they answer."""

from doorman.algs.statistics import rows
from doorman.wire.dns import OTHER_RESPONSE, REQUESTS, RESPONSES

ROWS = rows([*REQUESTS.values(), *RESPONSES, OTHER_RESPONSE], {})
