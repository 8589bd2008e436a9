using System.Text;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>Statistics of gRPC-Web calls, under <c>cluster.NAME.grpc-web.</c>: by status, success, failure, total, with service and method.</summary>
internal static class GrpcWebStats
{
    private const int Unimplemented = 12;
    private const int Unknown = 2;

    public static void Count(HttpStream stream, HeaderMap headers)
    {
        if (!headers.TryGet(WellKnownHeader.GrpcStatus, out ReadOnlySpan<byte> text)
            || (stream.WeightedCluster?.Cluster ?? stream.Route?.Forward?.Cluster)?.Current is not { } cluster)
        {
            return;
        }

        bool known = DecimalText.TryParse(text, out int status) && status <= GrpcClusterStats.StatusMax;
        status = known ? status : Unknown;
        string prefix = Prefix(stream.RequestHeaders, status);
        StatCells cells = stream.Worker.Stats;
        StatScope scope = cluster.Stats.Scope;
        cells.Add(scope.Counter($"{prefix}{status}"));
        cells.Add(scope.Counter(status == 0 ? $"{prefix}success" : $"{prefix}failure"));
        cells.Add(scope.Counter($"{prefix}total"));
    }

    // A method that the server does not have is not named: else any client could make statistics of any name.
    private static string Prefix(HeaderMap request, int status)
    {
        ReadOnlySpan<byte> path = request[WellKnownHeader.Path];
        int slash = path.LastIndexOf((byte)'/');
        if (status == Unimplemented || slash <= 1)
        {
            return "grpc-web.";
        }

        return $"grpc-web.{Encoding.UTF8.GetString(path[1..slash])}.{Encoding.UTF8.GetString(path[(slash + 1)..])}.";
    }
}
