"""WooCommerce for OmniOps."""

from omniops_woocommerce.plugin import WooCommercePlugin

__all__ = ["WooCommercePlugin"]
