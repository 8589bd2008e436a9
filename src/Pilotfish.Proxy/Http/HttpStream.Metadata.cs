namespace Pilotfish.Proxy.Http;

/// <content>METADATA frames of HTTP/2 (allow_metadata): beside the message, in no order with it.</content>
public sealed partial class HttpStream
{
    /// <summary>METADATA of the client, through the filters; the router is the last of them.</summary>
    internal void OnMetadata(HeaderMap metadata)
    {
        _timers.Touch();
        for (int i = 0; i < _filters.Count && !IsReplyLocal && !IsEnded && metadata.Count > 0; i++)
        {
            _filters[i].OnRequestMetadata(metadata);
        }
    }

    /// <summary>METADATA of the upstream, through the filters to the client.</summary>
    internal void SendMetadataDown(HeaderMap metadata)
    {
        _timers.Touch();
        for (int i = _filters.Count - 1; i >= 0 && !IsEnded; i--)
        {
            _filters[i].OnResponseMetadata(metadata);
        }

        if (!IsEnded && metadata.Count > 0)
        {
            Codec.SendMetadata(metadata);
        }
    }
}
