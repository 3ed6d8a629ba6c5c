"""Prints the OpenAPI document."""

import sys

from service import openapi, routes

sys.stdout.buffer.write(openapi.document(routes.table()))
