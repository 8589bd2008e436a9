using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pilotfish.EndToEnd.AccessLogs;

/// <summary>A record in Istio's default text or JSON, field by field under the keys of the JSON form.</summary>
internal static partial class LogFields
{
    /// <summary>The order of the text form.</summary>
    public static readonly string[] Keys =
    [
        "start_time", "method", "path", "protocol", "response_code", "response_flags", "response_code_details", "connection_termination_details",
        "upstream_transport_failure_reason", "bytes_received", "bytes_sent", "duration", "upstream_service_time", "x_forwarded_for", "user_agent",
        "request_id", "authority", "upstream_host", "upstream_cluster", "upstream_local_address", "downstream_local_address",
        "downstream_remote_address", "requested_server_name", "route_name",
    ];

    // Numbers in JSON; all else is text, also the service time, which is a header.
    private static readonly string[] s_numbers = ["response_code", "bytes_received", "bytes_sent", "duration"];

    public static Dictionary<string, string> OfText(string line)
    {
        Match match = Line().Match(line);
        Assert.True(match.Success, $"This is not Istio's text format: {line}");
        return Keys.ToDictionary(static key => key, key => match.Groups[key].Value);
    }

    /// <summary>Missing values read "-", as in the text form; types are checked on the way.</summary>
    public static Dictionary<string, string> OfJson(string line)
    {
        using JsonDocument record = JsonDocument.Parse(line);
        var fields = new Dictionary<string, string>();
        foreach (JsonProperty property in record.RootElement.EnumerateObject())
        {
            bool isNumber = property.Value.ValueKind == JsonValueKind.Number;
            Assert.True(isNumber == s_numbers.Contains(property.Name), $"{property.Name} is {property.Value.ValueKind}: {line}");
            Assert.True(property.Name != "response_flags" || property.Value.ValueKind == JsonValueKind.String, line);
            Assert.True(property.Value.ValueKind == JsonValueKind.Null || property.Name == "response_flags" || property.Value.ToString() != "-", line);
            fields[property.Name] = property.Value.ValueKind == JsonValueKind.Null ? "-" : property.Value.ToString();
        }

        Assert.Equal(Keys.Order(StringComparer.Ordinal), fields.Keys);
        return fields;
    }

    [GeneratedRegex("""
        ^\[(?<start_time>[^\]]*)\] "(?<method>\S+) (?<path>\S+) (?<protocol>\S+)" (?<response_code>\S+) (?<response_flags>\S+) (?<response_code_details>\S+) (?<connection_termination_details>\S+) "(?<upstream_transport_failure_reason>[^"]*)" (?<bytes_received>\S+) (?<bytes_sent>\S+) (?<duration>\S+) (?<upstream_service_time>\S+) "(?<x_forwarded_for>[^"]*)" "(?<user_agent>[^"]*)" "(?<request_id>[^"]*)" "(?<authority>[^"]*)" "(?<upstream_host>[^"]*)" (?<upstream_cluster>\S+) (?<upstream_local_address>\S+) (?<downstream_local_address>\S+) (?<downstream_remote_address>\S+) (?<requested_server_name>\S+) (?<route_name>\S+)$
        """)]
    private static partial Regex Line();
}
