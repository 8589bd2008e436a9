namespace Pilotfish.Language.Cel;

/// <summary>Kinds of values. Dyn and Message exist only as types: Dyn is known at evaluation, a Message only through its fields.</summary>
public enum CelKind : byte
{
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List,
    Map,

    /// <summary>Evaluation failed: a missing key, an overflow, a division by zero, the cost bound.</summary>
    Error,

    Dyn,
    Message,
}
