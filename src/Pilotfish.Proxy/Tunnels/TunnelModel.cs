using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>tunneling_config of a tcp_proxy, compiled: what the request looks like that carries a connection. Immutable; any loop.</summary>
internal sealed class TunnelModel
{
    /// <summary>The namespace of dynamic metadata that gets the request's id.</summary>
    public const string MetadataNamespace = "envoy.filters.network.tcp_proxy";

    /// <summary>The filter state's object that turns tunnelling off for one connection: "true".</summary>
    public const string DisabledKey = "envoy.tcp_proxy.disable_tunneling";

    /// <summary>The authority that is asked for: host and port.</summary>
    public required FormatProgram Hostname { get; init; }

    public bool UsesPost { get; init; }

    /// <summary>Of POST.</summary>
    public byte[] Path { get; init; } = "/"u8.ToArray();

    public HeaderMutations Headers { get; init; } = HeaderMutations.None;

    public bool PropagatesHeaders { get; init; }

    public bool PropagatesTrailers { get; init; }

    /// <summary>The header that carries a fresh request id, in lower case; null for none.</summary>
    public byte[]? RequestIdHeader { get; init; }

    /// <summary>Under which key the id goes to the dynamic metadata.</summary>
    public string RequestIdKey { get; init; } = "";

    /// <summary>
    /// Writes the request's head. False when a value made of the connection's facts may not stand in a head: nothing is sent then.
    /// </summary>
    /// <param name="headers">An empty map.</param>
    /// <param name="info">The connection's facts; gets the request id.</param>
    /// <param name="worker">Whose scratch space is used.</param>
    public bool TryWrite(HeaderMap headers, StreamInfo info, HttpWorker worker)
    {
        headers.Set(WellKnownHeader.Method, UsesPost ? "POST"u8 : "CONNECT"u8);
        FormatOutput scratch = worker.Scratch;
        scratch.Clear();
        Hostname.Append(scratch, info);
        if (scratch.Written.IsEmpty || scratch.Written.ContainsAny(HttpCharacters.NotInTarget))
        {
            return false;
        }

        headers.Set(WellKnownHeader.Authority, scratch.Written);
        if (UsesPost)
        {
            headers.Set(WellKnownHeader.Path, Path);
        }

        if (RequestIdHeader is { } header)
        {
            Span<byte> id = stackalloc byte[RequestIds.Length];
            worker.RequestIds.Write(id);
            headers.Set(header, id);
            var text = MetadataValue.Of(System.Text.Encoding.ASCII.GetString(id));
            info.EnsureMetadata().Set(MetadataNamespace, MetadataValue.Of([new KeyValuePair<string, MetadataValue>(RequestIdKey, text)]));
        }

        Headers.Apply(headers, info, scratch);
        for (int i = 0; i < headers.Count; i++)
        {
            if (headers.EntryAt(i).Value.ContainsAny(HttpCharacters.NotInValue))
            {
                return false;
            }
        }

        return true;
    }
}
