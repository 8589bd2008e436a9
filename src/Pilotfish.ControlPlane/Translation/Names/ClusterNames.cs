using System.Globalization;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Translation.Names;

/// <summary>Names of clusters, which routes, metrics and tools share as a vocabulary.</summary>
public static class ClusterNames
{
    public const string BlackHole = "BlackHoleCluster";
    public const string Passthrough = "PassthroughCluster";
    public const string InboundPassthrough = "InboundPassthroughCluster";
    private const string OutboundPrefix = "outbound|";
    private const int Parts = 4;

    public static string Outbound(int port, string subset, string hostname) =>
        string.Create(CultureInfo.InvariantCulture, $"{OutboundPrefix}{port}|{subset}|{hostname}");

    public static string Inbound(int targetPort) => string.Create(CultureInfo.InvariantCulture, $"inbound|{targetPort}||");

    /// <summary>The form used as SNI of mutual TLS: dots and underscores only.</summary>
    public static string Sni(int port, string subset, string hostname) =>
        string.Create(CultureInfo.InvariantCulture, $"outbound_.{port}_.{subset}_.{hostname}");

    /// <summary>Splits an outbound name; false for anything else.</summary>
    public static bool TryParseOutbound(string name, out int port, out string subset, out string hostname)
    {
        port = 0;
        subset = "";
        hostname = "";
        if (!name.StartsWith(OutboundPrefix, StringComparison.Ordinal))
        {
            return false;
        }

        var parts = name.Split('|');
        if (parts.Length != Parts || !DecimalText.TryParse(parts[1], out port))
        {
            return false;
        }

        subset = parts[2];
        hostname = parts[3];
        return true;
    }
}
