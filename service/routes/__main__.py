"""Prints the OpenAPI document."""

import sys

from service import routes
from service.reference import openapi

sys.stdout.buffer.write(openapi.document(routes.table()))
