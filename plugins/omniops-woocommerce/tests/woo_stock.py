"""What a shop has, with all that it knows of things and of people."""

CANARY = "canary-4711"
"""Stands wherever a shop tells what is none of ours."""


def product(key, name, price="49.90", stock=3, **more):
    return {
        "id": key,
        "name": name,
        "slug": name.lower().replace(" ", "-"),
        "permalink": f"http://shop.example/product/{key}/",
        "date_created": "2026-11-23T08:44:58",
        "date_created_gmt": "2026-11-23T07:44:58",
        "date_modified": "2026-11-23T08:45:00",
        "date_modified_gmt": "2026-11-23T07:45:00",
        "type": "simple",
        "status": "publish",
        "catalog_visibility": "visible",
        "description": "",
        "short_description": f"<p>Solid {name} &amp; more</p>\n<ul><li>Oak</li></ul><script>x()</script>",
        "sku": f"SKU-{key}",
        "price": price,
        "regular_price": price,
        "manage_stock": True,
        "stock_quantity": stock,
        "stock_status": "instock" if stock else "outofstock",
        "post_password": "",
        "total_sales": 10,
        "variations": [],
        "attributes": [],
        "meta_data": [{"id": 1, "key": "_private", "value": CANARY}],
    } | more


def variation(key, option, price="10.00", stock=1):
    return {
        "id": key,
        "status": "publish",
        "sku": f"V-{key}",
        "price": price,
        "manage_stock": "parent" if stock is None else True,
        "stock_quantity": stock,
        "stock_status": "instock" if stock else "outofstock",
        "attributes": [{"id": 0, "name": "Colour", "option": option}],
        "meta_data": [],
    }


def line(key, name, quantity=2, total="99.80", tax="0.00", **more):
    return {
        "id": key,
        "name": name,
        "parent_name": None,
        "product_id": 12,
        "variation_id": 0,
        "quantity": quantity,
        "subtotal": total,
        "subtotal_tax": tax,
        "total": total,
        "total_tax": tax,
        "taxes": [{"id": 7, "total": tax, "subtotal": tax}] if tax != "0.00" else [],
        "meta_data": [{"id": 10, "key": "Engraving", "value": CANARY, "display_value": CANARY}],
        "sku": "OAK-2",
        "price": 49.9,
    } | more


def order(key, email, customer=0, *, number=None, status="processing", paid=True, placed="2026-11-23T07:44:59", **more):
    """An order, with all that a shop knows of a person."""
    person = dict.fromkeys(("first_name", "last_name", "address_1", "city", "phone"), CANARY)
    when = "2026-11-23T07:45:00" if paid else None
    return {
        "id": key,
        "parent_id": 0,
        "number": str(number or key),
        "order_key": f"wc_order_{CANARY}",
        "status": status,
        "currency": "GBP",
        "date_created": placed.replace("T07", "T08"),
        "date_created_gmt": placed,
        "date_modified": placed.replace("T07", "T08"),
        "date_modified_gmt": placed,
        "total": "99.80",
        "total_tax": "0.00",
        "customer_id": customer,
        "customer_ip_address": CANARY,
        "customer_note": f"Ring twice, {CANARY}",
        "billing": person | {"email": email, "country": "GB"},
        "shipping": person | {"country": "GB"},
        "payment_method": "bacs",
        "transaction_id": CANARY,
        "date_paid": when,
        "date_paid_gmt": when,
        "meta_data": [],
        "line_items": [line(key * 10, "Oak Chair")],
        "refunds": [],
    } | more
