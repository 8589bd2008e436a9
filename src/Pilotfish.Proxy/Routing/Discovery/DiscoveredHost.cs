using Envoy.Config.Route.V3;

namespace Pilotfish.Proxy.Routing.Discovery;

/// <summary>One virtual host as VHDS brought it. Immutable.</summary>
/// <param name="Name">Of its resource: the route configuration's name, a slash, and a host or another name.</param>
/// <param name="Aliases">Other names that it answers to, mostly those that it was asked for by.</param>
/// <param name="Message">The message's bytes.</param>
/// <param name="Version">Of the resource.</param>
/// <param name="Domains">In lower case, as requests are compared with them.</param>
internal sealed record DiscoveredHost(
    string Name, IReadOnlyList<string> Aliases, ReadOnlyMemory<byte> Message, string Version, IReadOnlyList<string> Domains)
{
    /// <summary>The domains of a message. Throws <see cref="Google.Protobuf.InvalidProtocolBufferException"/> for bytes that are none.</summary>
    public static string[] DomainsOf(ReadOnlyMemory<byte> message)
    {
        VirtualHost host = VirtualHost.Parser.ParseFrom(message.Span);
        string[] domains = [.. host.Domains];
        return Array.ConvertAll(domains, static domain => domain.ToLowerInvariant());
    }
}
