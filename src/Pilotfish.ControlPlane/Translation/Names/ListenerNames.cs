using System.Globalization;

namespace Pilotfish.ControlPlane.Translation.Names;

/// <summary>Names of listeners and of the filter chains that tools look for.</summary>
public static class ListenerNames
{
    public const string VirtualOutbound = "virtualOutbound";
    public const string VirtualInbound = "virtualInbound";
    public const string VirtualOutboundBlackhole = "virtualOutbound-blackhole";
    public const string VirtualOutboundCatchAllTcp = "virtualOutbound-catchall-tcp";
    public const string VirtualInboundBlackhole = "virtualInbound-blackhole";
    public const string VirtualInboundCatchAllHttp = "virtualInbound-catchall-http";
    public const string PassthroughFilterChain = "PassthroughFilterChain";

    /// <summary>The delimiter at which the bootstrap's stat tag rules stop: names may hold dots.</summary>
    public const string StatDelimiter = ";";

    public static string Of(string bind, int port) => string.Create(CultureInfo.InvariantCulture, $"{bind}_{port}");

    /// <summary>host:port with brackets around IPv6 addresses.</summary>
    public static string HostPort(string host, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{Bracket(host)}:{port}");

    public static string Bracket(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;
}
