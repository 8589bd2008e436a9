using System.Globalization;
using Envoy.Config.Core.V3;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>host:port texts of ProxyConfig, brackets around IPv6 as usual.</summary>
internal static class HostPort
{
    // Tracers are often given so; Kubernetes expands it in container arguments but not in config.
    private const string HostIpReference = "$(HOST_IP)";

    public static Address Parse(string text, string field, AgentEnvironment environment)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !uint.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint port)
            || port > ushort.MaxValue)
        {
            throw new AgentConfigException($"The address '{text}' of {field} is not of the form host:port.");
        }

        string host = text[..colon].Trim('[', ']');
        if (host == HostIpReference)
        {
            host = environment.Text(AgentVariables.HostIp, host);
        }

        return Socket(host, port);
    }

    public static Address Socket(string host, uint port) =>
        new() { SocketAddress = new SocketAddress { Address = host, PortValue = port } };

    public static string HostOf(string text)
    {
        int colon = text.LastIndexOf(':');
        return colon <= 0 ? text : text[..colon];
    }
}
