import { overLmdb, overPouchDb } from "../documents/fixtures.js";
import { typedStoresContract } from "./typed-stores.contract.js";

typedStoresContract("lmdb", overLmdb);
typedStoresContract("nano on express-pouchdb", overPouchDb);
