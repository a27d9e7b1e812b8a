//! The real Windows: registry, firmware tables, boot and version. All `unsafe` of the agent is in this room.
