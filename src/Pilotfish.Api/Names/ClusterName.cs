using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Pilotfish.Api.Names;

/// <summary>
/// The name that Istio gives a cluster: <c>outbound|PORT|SUBSET|HOST</c>, <c>inbound|PORT||</c>. Statistics, access logs and
/// dashboards take it apart.
/// </summary>
public readonly record struct ClusterName(string Direction, int Port, string Subset, string Host)
{
    public const string Outbound = "outbound";
    public const string Inbound = "inbound";
    public const string InboundPassthroughV4 = "InboundPassthroughCluster";
    public const string Passthrough = "PassthroughCluster";
    public const string BlackHole = "BlackHoleCluster";

    public static bool TryParse([NotNullWhen(true)] string? name, out ClusterName cluster)
    {
        cluster = default;
        string[] parts = name?.Split('|') ?? [];
        if (parts is not [{ Length: > 0 } direction, var port, var subset, var host]
            || !int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return false;
        }

        cluster = new ClusterName(direction, number, subset, host);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Direction}|{Port}|{Subset}|{Host}");
}
