"""Runs the migrations on the connection that is handed over, within its transaction: all of them or none.

To change the schema: change ``tables.py``, add a revision to ``versions/`` that does the same to a database that is in
use, and name it in ``tables.REVISION``. A test tells what still differs. One history serves both databases: columns of
text are ``columns.Text``, which compares alike in either; for what each has its own words, ask for the dialect's name.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
