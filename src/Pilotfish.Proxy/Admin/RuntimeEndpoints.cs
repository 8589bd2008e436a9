using System.Text.Json;
using Pilotfish.Proxy.Http1.InternalServer;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Admin;

/// <summary>
/// /runtime: the layers that are loaded and the values that result; later layers win. /runtime_modify: values of the admin layer, in force at once.
/// Main loop.
/// </summary>
internal sealed class RuntimeEndpoints(RuntimeLoader runtime)
{
    private const string Usage = "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\n"
        + "       or send the parameters as form values\nuse an empty value to remove a previously added override";

    // What an operator adds stays for the life of the process.
    private const int KeyLengthMax = 4096;

    public IReadOnlyList<AdminEndpoint> All =>
    [
        AdminEndpoint.Get("/runtime", "print runtime values", Answer),
        AdminEndpoint.Post("/runtime_modify", "Adds or modifies runtime values as passed in query parameters", Modify),
    ];

    private void Modify(InternalRequest request, InternalResponse response)
    {
        List<(string Name, string Value)> pairs = [.. request.QueryPairs()];
        if (pairs.Count == 0)
        {
            pairs.AddRange(request.FormPairs());
        }

        if (pairs.Count == 0 || pairs.Exists(static pair => pair.Name.Length is 0 or > KeyLengthMax))
        {
            response.Status = 400;
            response.Write(Usage);
        }
        else if (!runtime.HasAdminLayer)
        {
            response.Status = 503;
            response.Write("No admin layer specified");
        }
        else
        {
            runtime.Merge(pairs);
            response.Write("OK\n");
        }
    }

    private void Answer(InternalRequest request, InternalResponse response)
    {
        response.ContentType = "application/json";
        using Utf8JsonWriter json = new(response.Body, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartArray("layers");
        foreach ((string name, _) in runtime.Loaded)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteStartObject("entries");
        List<string> keys = [.. runtime.Values.Entries.Keys];
        keys.Sort(StringComparer.Ordinal);
        foreach (string key in keys)
        {
            WriteEntry(json, key);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteEntry(Utf8JsonWriter json, string key)
    {
        json.WriteStartObject(key);
        json.WriteString("final_value", runtime.Values.Find(key)?.Text ?? "");
        json.WriteStartArray("layer_values");
        foreach ((_, IReadOnlyDictionary<string, RuntimeEntry> values) in runtime.Loaded)
        {
            json.WriteStringValue(values.TryGetValue(key, out RuntimeEntry? value) ? value.Text : "");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
