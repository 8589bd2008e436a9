namespace Pilotfish.Proxy.Http;

/// <summary>A local reply after local_reply_config.</summary>
internal readonly ref struct LocalReplyResult(int status, ReadOnlySpan<byte> body, ReadOnlySpan<byte> contentType, bool isJson)
{
    public int Status { get; } = status;

    public ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>The type of a body that the config made or replaced, and of one whose type nobody said.</summary>
    public ReadOnlySpan<byte> ContentType { get; } = contentType;

    public bool IsJson { get; } = isJson;
}
