import { overLmdb, overPouchDb } from "../documents/documents.kit.js";
import { typedStoresContract } from "./typed-stores.contract.js";

typedStoresContract("lmdb", overLmdb);
typedStoresContract("nano on express-pouchdb", overPouchDb);
