namespace Pilotfish.Proxy.Http;

/// <summary>A local reply after local_reply_config.</summary>
internal readonly ref struct LocalReplyResult(int status, ReadOnlySpan<byte> body, ReadOnlySpan<byte> contentType, bool hasOwnContentType)
{
    public int Status { get; } = status;

    public ReadOnlySpan<byte> Body { get; } = body;

    public ReadOnlySpan<byte> ContentType { get; } = contentType;

    /// <summary>Whether the config chose the content type, so that it replaces one set by the replying filter.</summary>
    public bool HasOwnContentType { get; } = hasOwnContentType;
}
