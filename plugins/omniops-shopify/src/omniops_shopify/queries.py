"""Every GraphQL text that is sent to Shopify, for one version of its Admin API. A test holds each of them against the
schema that Shopify publishes for this version and for the next."""

from __future__ import annotations

VERSION = "2026-10"

_PRODUCT = """
fragment ProductParts on Product {
  id title status onlineStoreUrl description(truncateAt: 4000) totalInventory tracksInventory hasOnlyDefaultVariant
  updatedAt
  priceRangeV2 { minVariantPrice { amount currencyCode } }
  variants(first: $variants) {
    nodes { id title sku price availableForSale inventoryQuantity inventoryPolicy }
  }
}
"""
_ORDER = """
fragment OrderParts on Order {
  id name email createdAt updatedAt cancelledAt displayFinancialStatus displayFulfillmentStatus
  customer { id }
  totalPriceSet { presentmentMoney { amount currencyCode } }
  totalRefundedSet { presentmentMoney { amount currencyCode } }
  lineItems(first: 50) {
    nodes { id title quantity sku variantTitle discountedTotalSet { presentmentMoney { amount currencyCode } } }
  }
  fulfillments(first: 20) {
    createdAt displayStatus estimatedDeliveryAt deliveredAt
    trackingInfo(first: 5) { company number url }
  }
}
"""

SHOP = "query Shop { shop { name myshopifyDomain } }"
PRODUCTS = (
    """
query Products($query: String!, $first: Int!, $after: String, $sort: ProductSortKeys!, $variants: Int!) {
  products(query: $query, first: $first, after: $after, sortKey: $sort) {
    nodes { ...ProductParts }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _PRODUCT
)
PRODUCT = "query Product($id: ID!, $variants: Int!) { product(id: $id) { ...ProductParts } }" + _PRODUCT
POLICIES = "query Policies { shop { shopPolicies { type title body url updatedAt } } }"
ORDERS = (
    """
query Orders($query: String!, $first: Int!) {
  orders(query: $query, first: $first, sortKey: CREATED_AT, reverse: true) { nodes { ...OrderParts } }
}
"""
    + _ORDER
)
ORDER = "query Order($id: ID!) { order(id: $id) { ...OrderParts } }" + _ORDER

BEFORE_CANCEL = "query BeforeCancel($id: ID!) { order(id: $id) { cancelledAt cancellation { staffNote } } }"
CANCEL = """
mutation Cancel($id: ID!, $note: String!) {
  orderCancel(
    orderId: $id, reason: CUSTOMER, restock: true, notifyCustomer: true, staffNote: $note
    refundMethod: { originalPaymentMethodsRefund: true }
  ) {
    job { id }
    orderCancelUserErrors { code }
  }
}
"""
BEFORE_ADDRESS = """
query BeforeAddress($id: ID!) {
  order(id: $id) {
    shippingAddress { name address1 address2 zip city provinceCode countryCodeV2 }
  }
}
"""
ADDRESS = """
mutation Address($input: OrderInput!) {
  orderUpdate(input: $input) { order { id } userErrors { field } }
}
"""
BEFORE_REFUND = """
query BeforeRefund($id: ID!, $full: Boolean!, $lines: [RefundLineItemInput!]) {
  order(id: $id) {
    refunds(first: 100) { note }
    lineItems(first: 50) { nodes { id refundableQuantity } }
    suggestedRefund(suggestFullRefund: $full, refundShipping: $full, refundLineItems: $lines) {
      amountSet { presentmentMoney { amount currencyCode } }
      refundLineItems { quantity lineItem { id } }
      suggestedTransactions { gateway parentTransaction { id } amountSet { presentmentMoney { amount } } }
    }
  }
}
"""
REFUND = """
mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) { refund { id } userErrors { field } }
}
"""

WEBHOOKS = """
query Webhooks($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { id topic uri }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SUBSCRIBE = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhook) {
    webhookSubscription { id }
    userErrors { field }
  }
}
"""
UNSUBSCRIBE = """
mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field } }
}
"""
UNINSTALL = "mutation Uninstall { appUninstall { app { id } userErrors { field } } }"

SCOPES: dict[str, tuple[str, ...]] = {
    "products": ("read_products",),
    "policies": ("read_legal_policies",),
    "orders": ("read_orders", "read_customers"),
    "actions": ("write_orders",),
}
"""What each feature needs at Shopify: no more than its texts ask for. An order names its customer's number by an object
that takes `read_customers`; nothing else of it is asked."""
TEXTS: dict[str, tuple[str, ...]] = {
    "": (SHOP, WEBHOOKS, SUBSCRIBE, UNSUBSCRIBE, UNINSTALL),
    "products": (PRODUCTS, PRODUCT),
    "policies": (POLICIES,),
    "orders": (ORDERS, ORDER),
    "actions": (BEFORE_CANCEL, CANCEL, BEFORE_ADDRESS, ADDRESS, BEFORE_REFUND, REFUND),
}
"""All texts, by the feature that sends them; the first ones are sent whatever is on."""
