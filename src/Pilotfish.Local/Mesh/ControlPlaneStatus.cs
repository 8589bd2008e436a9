using System.Net;
using System.Text.Json.Nodes;

namespace Pilotfish.Local.Mesh;

/// <summary>Reads the control plane's debug pages. Pure.</summary>
internal static class ControlPlaneStatus
{
    private const string Sent = "_sent";

    /// <summary>Whether <c>/debug/endpointz</c> lists every endpoint.</summary>
    public static bool Knows(string endpointz, IReadOnlyCollection<IPEndPoint> endpoints)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonNode? endpoint in Parse(endpointz).SelectMany(service => service?["ep"] as JsonArray ?? []))
        {
            known.Add($"{endpoint?["address"]}:{endpoint?["port"]}");
        }

        return endpoints.All(endpoint => known.Contains(endpoint.ToString()));
    }

    /// <summary>Whether every proxy of <c>/debug/syncz</c> has acknowledged the last thing it was sent, of each type.</summary>
    public static bool IsAcknowledged(string syncz) => Parse(syncz).OfType<JsonObject>().All(proxy => proxy
        .Where(field => field.Key.EndsWith(Sent, StringComparison.Ordinal))
        .All(field => (string?)field.Value == (string?)proxy[$"{field.Key[..^Sent.Length]}_acked"]));

    /// <summary>The sentences of <c>/debug/problems</c>.</summary>
    public static IReadOnlyList<string> Problems(string page) =>
        [.. Parse(page).OfType<JsonValue>().Select(problem => (string?)problem ?? "")];

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
