"""Webhooks: the delivery of events to the endpoints that listen."""

from holdfast.sandbox.webhooks.deliveries import Deliveries
from holdfast.sandbox.webhooks.settings import DeliverySettings, Webhook, parse_webhook
from holdfast.sandbox.webhooks.signing import signature_header

__all__ = ["Deliveries", "DeliverySettings", "Webhook", "parse_webhook", "signature_header"]
