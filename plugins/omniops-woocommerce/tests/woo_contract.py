"""What wc/v3 of WooCommerce 11 says and takes, as far as this plugin knows of it: names and types, from the shop's own
OPTIONS answers (products, orders) and from answers of a running shop (refunds, webhooks, settings).

A `?` marks what may be null. The fake shop is held to it on both sides: nothing that it says and nothing that it is
asked is outside of it.
"""


def _fields(text):
    return dict(pair.split(":") for pair in text.split())


META = _fields("id:integer key:string value:mixed")
OBJECTS = {
    "product": _fields(
        "id:integer name:string slug:string permalink:string date_created:string date_created_gmt:string"
        " date_modified:string date_modified_gmt:string type:string status:string featured:boolean"
        " catalog_visibility:string description:string short_description:string sku:string price:string"
        " regular_price:string sale_price:string purchasable:boolean total_sales:integer virtual:boolean"
        " manage_stock:boolean stock_quantity:integer? stock_status:string backorders:string post_password:string"
        " variations:array attributes:array categories:array images:array meta_data:array price_html:string"
    ),
    "variation": _fields(
        "id:integer status:string sku:string price:string regular_price:string permalink:string manage_stock:mixed"
        " stock_quantity:integer? stock_status:string attributes:array meta_data:array parent_id:integer"
    ),
    "order": _fields(
        "id:integer parent_id:integer number:string order_key:string created_via:string version:string status:string"
        " currency:string date_created:string date_created_gmt:string date_modified:string date_modified_gmt:string"
        " discount_total:string shipping_total:string total:string total_tax:string prices_include_tax:boolean"
        " customer_id:integer customer_ip_address:string customer_user_agent:string customer_note:string"
        " billing:object shipping:object payment_method:string payment_method_title:string transaction_id:string"
        " date_paid:string? date_paid_gmt:string? date_completed:string? date_completed_gmt:string? cart_hash:string"
        " meta_data:array line_items:array tax_lines:array shipping_lines:array fee_lines:array coupon_lines:array"
        " refunds:array payment_url:string needs_payment:boolean needs_processing:boolean"
    ),
    "line": _fields(
        "id:integer name:string parent_name:string? product_id:integer variation_id:integer quantity:integer"
        " tax_class:string subtotal:string subtotal_tax:string total:string total_tax:string taxes:array"
        " meta_data:array sku:string price:number"
    ),
    "address": _fields(
        "first_name:string last_name:string company:string address_1:string address_2:string city:string state:string"
        " postcode:string country:string email:string phone:string"
    ),
    "refund": _fields(
        "id:integer date_created:string date_created_gmt:string amount:string reason:string refunded_by:integer"
        " refunded_payment:boolean meta_data:array line_items:array shipping_lines:array tax_lines:array"
        " fee_lines:array"
    ),
    "refunds of an order": _fields("id:integer reason:string total:string total_tax:string"),
    "webhook": _fields(
        "id:integer name:string status:string topic:string resource:string event:string hooks:array"
        " delivery_url:string date_created:string date_created_gmt:string date_modified:string"
        " date_modified_gmt:string"
    ),
    "setting": _fields("id:string label:string description:string value:mixed default:mixed tip:string type:string"),
}
LISTS = set(
    "_fields page per_page offset search status sku orderby order customer modified_after dates_are_gmt".split()
)
"""Arguments of lists, a part of the shop's own."""
ASKED = {
    ("GET", "products"): LISTS - {"customer"},
    ("GET", "products/N"): {"_fields"},
    ("GET", "products/N/variations"): {"_fields", "page", "per_page"},
    ("GET", "orders"): LISTS - {"sku"},
    ("GET", "orders/N"): {"_fields"},
    ("PUT", "orders/N"): set(),
    ("GET", "orders/N/refunds"): {"page", "per_page"},
    ("POST", "orders/N/refunds"): set(),
    ("GET", "webhooks"): {"page", "per_page"},
    ("POST", "webhooks"): set(),
    ("PUT", "webhooks/N"): set(),
    ("DELETE", "webhooks/N"): {"force"},
    ("GET", "settings/general"): {"_fields"},
    ("GET", "settings/tax"): {"_fields"},
}
ORDERINGS = {
    "products": {"date", "id", "include", "title", "slug", "modified", "popularity", "rating", "price", "menu_order"},
    "orders": {"date", "id", "include", "title", "slug", "modified"},
}
BODIES = {
    ("PUT", "orders/N"): {"status", "shipping", "meta_data"},
    ("POST", "orders/N/refunds"): {"amount", "reason", "line_items", "api_refund", "api_restock", "meta_data"},
    ("POST", "webhooks"): {"name", "topic", "delivery_url", "secret", "status"},
    ("PUT", "webhooks/N"): {"status", "secret"},
}
_TYPES = {
    "integer": int,
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, float),
    "mixed": object,
}


def misfits(kind, row):
    """What of a row is not as the contract has it."""
    known, found = OBJECTS[kind], []
    for name, value in row.items():
        wanted = known.get(name, "")
        if not wanted or (value is None and not wanted.endswith("?") and wanted != "mixed"):
            found.append(f"{kind}.{name} = {value!r}")
        elif value is not None and not isinstance(value, _TYPES[wanted.rstrip("?")]):
            found.append(f"{kind}.{name} = {value!r}, not {wanted}")
    return found
