namespace Pilotfish.Proxy.AccessLogs;

/// <summary>What an operator wrote.</summary>
internal enum FormatValueKind : byte
{
    /// <summary>Nothing: the fact does not exist for this stream.</summary>
    Missing,

    Text,

    /// <summary>A JSON number as it stands.</summary>
    Number,

    /// <summary>JSON as it stands: an object, a list, true, false.</summary>
    Json,
}
