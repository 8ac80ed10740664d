"""A second factor for members: its key, recovery codes, and sign-ins that wait for a code.

Revision 0059.
"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_factor",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "member_id"],
            ["member.account_id", "member.id"],
            name="fk_member_id_member",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("member_factor", "account")
    op.create_index("ix_member_factor_subject_id", "member_factor", ["subject_id"], unique=False)
    op.create_index("uq_member_factor", "member_factor", ["account_id", "member_id"], unique=True)
    op.create_table(
        "recovery_code",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("factor_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "factor_id"],
            ["member_factor.account_id", "member_factor.id"],
            name="fk_factor_id_member_factor",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("recovery_code", "account")
    op.create_index("uq_recovery_code", "recovery_code", ["account_id", "factor_id", "hash"], unique=True)
    op.create_table(
        "sign_in_ticket",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "member_id"],
            ["member.account_id", "member.id"],
            name="fk_member_id_member",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("sign_in_ticket", "account")
    op.create_index("ix_sign_in_ticket_member", "sign_in_ticket", ["account_id", "member_id"], unique=False)


def downgrade() -> None:
    op.drop_table("sign_in_ticket")
    op.drop_table("recovery_code")
    op.drop_table("member_factor")
