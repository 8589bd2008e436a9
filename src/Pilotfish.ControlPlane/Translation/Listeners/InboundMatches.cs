namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>
/// The ways in to an inbound port by mutual-TLS mode and port protocol. Chains of one port differ by transport and ALPN only, and
/// their order is part of what tools show.
/// </summary>
internal static class InboundMatches
{
    public const string TlsTransport = "tls";
    public const string RawTransport = "raw_buffer";

    public static readonly IReadOnlyList<string> PlainHttp = ["http/1.1", "h2c"];
    public static readonly IReadOnlyList<string> PlainHttpWithHttp10 = ["http/1.0", "http/1.1", "h2c"];

    private static readonly string[] s_mtlsHttp = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];
    private static readonly string[] s_mtlsTcp = ["istio-peer-exchange", "istio"];
    private static readonly string[] s_mtlsAll = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

    public static IEnumerable<InboundMatch> For(MtlsMode mode, ListenerProtocol protocol, bool http10)
    {
        var plain = http10 ? PlainHttpWithHttp10 : PlainHttp;
        return (mode, protocol) switch
        {
            (MtlsMode.Disable, ListenerProtocol.Http) => [Raw(ListenerProtocol.Http)],
            (MtlsMode.Disable, ListenerProtocol.Auto) => [Raw(ListenerProtocol.Http, plain), Raw(ListenerProtocol.Tcp)],
            (MtlsMode.Disable, _) => [Raw(ListenerProtocol.Tcp)],
            (MtlsMode.Strict, ListenerProtocol.Http) => [Mtls(ListenerProtocol.Http)],
            (MtlsMode.Strict, ListenerProtocol.Auto) => [Mtls(ListenerProtocol.Http, s_mtlsHttp), Mtls(ListenerProtocol.Tcp)],
            (MtlsMode.Strict, _) => [Mtls(ListenerProtocol.Tcp)],
            (_, ListenerProtocol.Http) => [Mtls(ListenerProtocol.Http, s_mtlsAll), Raw(ListenerProtocol.Http)],
            (_, ListenerProtocol.Auto) =>
            [
                Mtls(ListenerProtocol.Http, s_mtlsHttp),
                Raw(ListenerProtocol.Http, plain),
                Mtls(ListenerProtocol.Tcp, s_mtlsTcp),
                Raw(ListenerProtocol.Tcp),
                OwnTls(),
            ],
            _ => [Mtls(ListenerProtocol.Tcp, s_mtlsAll), OwnTls(), Raw(ListenerProtocol.Tcp)],
        };
    }

    private static InboundMatch Raw(ListenerProtocol protocol, IReadOnlyList<string>? alpn = null) =>
        new(protocol, RawTransport, alpn ?? [], Terminate: false);

    private static InboundMatch Mtls(ListenerProtocol protocol, IReadOnlyList<string>? alpn = null) =>
        new(protocol, TlsTransport, alpn ?? [], Terminate: true);

    // TLS that is not the mesh's own belongs to the application and passes through.
    private static InboundMatch OwnTls() => new(ListenerProtocol.Tcp, TlsTransport, [], Terminate: false);
}
