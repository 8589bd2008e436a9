using System.Net;
using System.Text.Json.Nodes;

namespace Pilotfish.Local.Mesh;

/// <summary>Reads the control plane's debug pages. Pure.</summary>
internal static class ControlPlaneStatus
{
    private const string Sent = "_sent";
    private const string Healthy = "Healthy";

    /// <summary>Whether <c>/debug/endpointz</c> lists every endpoint as healthy: it lists those of pods that are not ready, too.</summary>
    public static bool Knows(string endpointz, IReadOnlyCollection<IPEndPoint> endpoints)
    {
        var known = new HashSet<string>(
            HealthyEndpoints(endpointz).Select(endpoint => $"{endpoint?["address"]}:{endpoint?["port"]}"), StringComparer.Ordinal);
        return endpoints.All(endpoint => known.Contains(endpoint.ToString()));
    }

    /// <summary>Whether <c>/debug/endpointz</c> lists no healthy endpoint of this address; a page that could not be had is empty and tells nothing.</summary>
    public static bool Forgot(string endpointz, IPAddress address) =>
        endpointz.Length > 0 && !HealthyEndpoints(endpointz).Any(endpoint => (string?)endpoint?["address"] == address.ToString());

    /// <summary>
    /// Whether each of these proxies is connected by <c>/debug/syncz</c>, and every connected one was sent the newest configuration
    /// and has acknowledged the last of each type.
    /// </summary>
    /// <param name="syncz">The page; one that could not be had is empty and never acknowledged.</param>
    /// <param name="proxies">As <c>pod.namespace</c>.</param>
    public static bool IsAcknowledged(string syncz, IReadOnlyCollection<string> proxies)
    {
        var connected = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonObject proxy in Parse(syncz).OfType<JsonObject>())
        {
            bool acknowledged = proxy.Where(field => field.Key.EndsWith(Sent, StringComparison.Ordinal))
                .All(field => (string?)field.Value == (string?)proxy[$"{field.Key[..^Sent.Length]}_acked"]);
            if (!acknowledged || (bool?)proxy["current"] != true)
            {
                return false;
            }

            connected.Add((string?)proxy["proxy"] ?? "");
        }

        return syncz.Length > 0 && proxies.All(connected.Contains);
    }

    /// <summary>The sentences of <c>/debug/problems</c>.</summary>
    public static IReadOnlyList<string> Problems(string page) =>
        [.. Parse(page).OfType<JsonValue>().Select(problem => (string?)problem ?? "")];

    private static IEnumerable<JsonNode?> HealthyEndpoints(string endpointz) =>
        Parse(endpointz).SelectMany(service => service?["ep"] as JsonArray ?? []).Where(endpoint => (string?)endpoint?["health"] == Healthy);

    private static JsonArray Parse(string page)
    {
        try
        {
            return JsonNode.Parse(page) as JsonArray ?? [];
        }
        catch (System.Text.Json.JsonException)
        {
            // An empty answer of a control plane that is restarting.
            return [];
        }
    }
}
