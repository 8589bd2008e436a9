using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Stats;
using Pilotfish.Proxy.Tls;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Proxy.ProxyProtocol;

/// <summary>Sends a PROXY header in front of whatever the inner transport says.</summary>
internal sealed class ProxyProtocolTransport(UpstreamTransport inner, int version) : UpstreamTransport
{
    public override bool IsRaw => false;

    public override bool Encrypts => inner.Encrypts;

    public override bool SendsProxyProtocol => true;

    public override string Name => "upstream_proxy_protocol";

    public required TlvSelection PassesThrough { get; init; }

    public required IReadOnlyList<ProxyTlv> Added { get; init; }

    public required Counter TlvsExceedMaxLength { get; init; }

    public override async ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, UpstreamTransportRequest request)
    {
        byte[] header = Header(socket, request);
        IoResult sent = await socket.SendAsync(header);
        return sent.IsOk
            ? await inner.WrapAsync(socket, request)
            : new UpstreamHandshake(null, UpstreamConnectFailure.Remote, sent.Error.Describe());
    }

    // Without a downstream connection (health checks) the sender speaks for itself.
    private byte[] Header(SocketStream socket, UpstreamTransportRequest request)
    {
        ProxyProtocolFacts? facts = request.Overrides?.ProxyProtocol;
        if (version == 1)
        {
            return facts is null
                ? ProxyHeaderWriter.Version1(socket.LocalAddress.Unmap(), socket.RemoteAddress.Unmap())
                : ProxyHeaderWriter.Version1(facts.Source, facts.Destination);
        }

        if (facts is null)
        {
            return ProxyHeaderWriter.Version2Local();
        }

        var tlvs = new List<ProxyTlv>(Added);
        foreach (ProxyTlv tlv in facts.Tlvs)
        {
            if (PassesThrough.Contains(tlv.Type) && !tlvs.Exists(added => added.Type == tlv.Type))
            {
                tlvs.Add(tlv);
            }
        }

        byte[] header = ProxyHeaderWriter.Version2(facts.Source, facts.Destination, tlvs, out bool omitted);
        if (omitted)
        {
            request.Cluster.Worker.Stats.Add(TlvsExceedMaxLength);
        }

        return header;
    }
}
