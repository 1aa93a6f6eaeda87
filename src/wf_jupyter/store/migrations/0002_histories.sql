-- How long the tasks of a finished execution took, in short: what estimates of later ones are made from.

CREATE TABLE histories (
    execution INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
