"""Every text that is sent is of Shopify's API, this version's and the next's, and asks for no more than its scopes."""

import graphql
import pytest
from fake_shopify import SCHEMA
from graphql import TypeInfo, TypeInfoVisitor, Visitor, visit
from omniops_shopify.integration import ShopifyIntegration
from omniops_shopify.queries import SCOPES, TEXTS, VERSION
from published import published, schema

ALL = [text for texts in TEXTS.values() for text in texts]
NEXT = "unstable"
"""What becomes the next version."""


class Used(Visitor):
    """Types and fields that a text touches."""

    def __init__(self, types):
        super().__init__()
        self.types, self.fields, self.objects = types, [], set()

    def enter_field(self, node, *_):
        parent, definition = self.types.get_parent_type(), self.types.get_field_def()
        if not parent.name.startswith("__"):
            self.fields.append((parent.name, node.name.value, definition))
        if (kind := graphql.get_named_type(self.types.get_type())) is not None:
            self.objects.add(kind.name)


def used(text, version):
    types = TypeInfo(schema(version))
    found = Used(types)
    visit(graphql.parse(text), TypeInfoVisitor(types, found))
    return found


@pytest.mark.parametrize("version", [VERSION, NEXT])
def test_every_text_is_of_shopifys_own_schema(version):
    for text in ALL:
        errors = graphql.validate(schema(version), graphql.parse(text))
        assert not errors, f"{version}: {errors[0]}"


def test_a_text_with_an_unknown_field_would_be_seen():
    wrong = ALL[0].replace("myshopifyDomain", "myshopifyDomains")
    assert graphql.validate(schema(VERSION), graphql.parse(wrong))


def test_no_text_uses_what_is_deprecated():
    for text in ALL:
        for parent, name, definition in used(text, VERSION).fields:
            assert definition.deprecation_reason is None, f"{parent}.{name} is deprecated"


def test_the_scopes_of_a_feature_are_those_that_its_texts_need():
    """By what Shopify's own schema says of each object and field that is touched."""
    rows = published(VERSION)["offline_scopes"]["items"]
    types = {row["typeName"]: set(row["offlineScopes"]) for row in rows if row["type"] == "type"}
    fields = {(row["typeName"], row["fieldName"]): set(row["offlineScopes"]) for row in rows if row["type"] == "field"}
    for feature, texts in TEXTS.items():
        granted = set(SCOPES.get(feature, ()))
        if feature == "actions":
            granted |= set(SCOPES["orders"])  # nobody changes an order that may not be read
        needed = set()
        for text in texts:
            found = used(text, VERSION)
            asked = [types.get(name, set()) for name in found.objects]
            asked += [fields.get((parent, name), set()) for parent, name, _ in found.fields]
            for one in filter(None, asked):
                assert one & granted, f"{feature or 'always'}: a text needs one of {sorted(one)}"
                needed |= one & granted
        if feature in ("products", "policies", "orders"):
            assert needed == granted, f"{feature} asks for {sorted(granted - needed)}, which no text of it needs"


def test_by_default_only_products_are_asked_for():
    """P23: orders, and changes to them, take a yes of the business's own."""
    features = {one.key: one for one in ShopifyIntegration.features}
    assert {s for f in features.values() if f.default and not f.own_consent for s in f.scopes} == {"read_products"}
    personal = [one for one in features.values() if one.categories]
    assert {one.key for one in personal} == {"orders", "actions"}
    assert all(one.own_consent and not one.default and one.taken for one in personal)


def test_the_double_is_a_part_of_shopifys_own_schema():
    """Each type, field, argument and value that the double has, with the type that Shopify gives it."""
    real = schema(VERSION)
    renamed = {"Query": "QueryRoot"}
    for name, kind in SCHEMA.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Boolean", "ID", "Float"):
            continue
        theirs = real.type_map[renamed.get(name, name)]
        assert type(theirs) is type(kind), name
        if isinstance(kind, graphql.GraphQLEnumType):
            assert set(kind.values) <= set(theirs.values), name
        if isinstance(kind, graphql.GraphQLObjectType | graphql.GraphQLInputObjectType):
            for field, ours in kind.fields.items():
                assert str(theirs.fields[field].type) == str(ours.type), f"{name}.{field}"
                for argument, value in getattr(ours, "args", {}).items():
                    assert str(theirs.fields[field].args[argument].type) == str(value.type), f"{name}.{field}"
