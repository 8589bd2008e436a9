using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.ProxyProtocol;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>
/// A route's connect_config: its CONNECT requests end here, and their bytes go to the upstream as TCP. Immutable; any loop.
/// </summary>
public sealed class ConnectTermination
{
    private readonly bool _takesPost;

    private ConnectTermination(ProxyHeaderTemplate? proxyHeader, bool takesPost)
    {
        ProxyHeader = proxyHeader;
        _takesPost = takesPost;
    }

    /// <summary>What goes to the upstream before anything else; null for nothing.</summary>
    internal ProxyHeaderTemplate? ProxyHeader { get; }

    internal static ConnectTermination Compile(RouteAction.Types.UpgradeConfig.Types.ConnectConfig config, string field) => new(
        config.ProxyProtocolConfig is { } header ? ProxyHeaderTemplate.Compile(header, field + ".proxy_protocol_config") : null,
        config.AllowPost);

    /// <summary>Whether a request is one whose payload is TCP: CONNECT, and POST where allow_post says so.</summary>
    public bool Applies(HeaderMap headers)
    {
        ReadOnlySpan<byte> method = headers[WellKnownHeader.Method];
        return method.SequenceEqual("CONNECT"u8) || (_takesPost && method.SequenceEqual("POST"u8));
    }
}
