namespace Pilotfish.Api.Messages;

/// <summary>What a field that the message does not have is worth.</summary>
public enum UnknownFields
{
    /// <summary>An error: a misspelt field must not silently mean nothing.</summary>
    Reject,

    /// <summary>A warning: files for a newer version of the vocabulary still load.</summary>
    Warn,
}
