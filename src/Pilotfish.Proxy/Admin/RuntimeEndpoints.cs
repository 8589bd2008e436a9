using System.Globalization;
using System.Text.Json;
using Envoy.Config.Bootstrap.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1.InternalServer;

namespace Pilotfish.Proxy.Admin;

/// <summary>
/// /runtime: the layers of the bootstrap and the values that result; later layers win. /runtime_modify: values of the admin layer, where the bootstrap
/// has one. Only keys that are heeded while serving can be changed: one that is not would be answered with OK and do nothing. Main loop.
/// </summary>
internal sealed class RuntimeEndpoints
{
    private const string Usage = "usage: /runtime_modify?key1=value1&key2=value2&keyN=valueN\nuse an empty value to remove a previously added override\n";

    private readonly List<string> _layers = [];
    private readonly SortedDictionary<string, string[]> _values = new(StringComparer.Ordinal);
    private readonly CompileContext _context;
    private readonly int _adminLayer;

    public RuntimeEndpoints(LayeredRuntime? runtime, CompileContext context)
    {
        _context = context;
        foreach (RuntimeLayer layer in runtime?.Layers ?? [])
        {
            _layers.Add(layer.Name);
        }

        _adminLayer = -1;
        for (int i = 0; i < _layers.Count; i++)
        {
            Collect("", runtime!.Layers[i].StaticLayer, i);
            _adminLayer = runtime.Layers[i].AdminLayer is not null ? i : _adminLayer;
        }

        Apply();
    }

    public IReadOnlyList<AdminEndpoint> All =>
    [
        AdminEndpoint.Get("/runtime", "print runtime values", Answer),
        AdminEndpoint.Post("/runtime_modify", "Adds or modifies runtime values as passed in query parameters", Modify),
    ];

    private void Collect(string prefix, Struct? fields, int layer)
    {
        foreach ((string key, Value value) in fields?.Fields ?? [])
        {
            string name = prefix + key;
            if (value.KindCase == Value.KindOneofCase.StructValue)
            {
                Collect(name + ".", value.StructValue, layer);
                continue;
            }

            Set(name, layer, value.KindCase switch
            {
                Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
                Value.KindOneofCase.NumberValue => value.NumberValue.ToString(CultureInfo.InvariantCulture),
                _ => value.StringValue,
            });
        }
    }

    private void Set(string name, int layer, string value)
    {
        if (!_values.TryGetValue(name, out string[]? perLayer))
        {
            perLayer = new string[_layers.Count];
            Array.Fill(perLayer, "");
            _values.Add(name, perLayer);
        }

        perLayer[layer] = value;
    }

    private static string Final(string[] perLayer) => Array.FindLast(perLayer, static value => value.Length > 0) ?? "";

    private void Apply()
    {
        List<KeyValuePair<string, string>> values = [];
        foreach ((string name, string[] perLayer) in _values)
        {
            values.Add(KeyValuePair.Create(name, Final(perLayer)));
        }

        _context.Maintenance.Replace(values);
        _context.Runtime.Replace(values);
    }

    private void Modify(InternalRequest request, InternalResponse response)
    {
        List<(string Name, string Value)> pairs = [.. request.QueryPairs()];
        if (_adminLayer < 0)
        {
            response.Status = 503;
            response.Write("No admin layer specified\n");
        }
        else if (pairs.Count == 0)
        {
            response.Status = 400;
            response.Write(Usage);
        }
        else if (pairs.Find(static pair => Refuses(pair.Name, pair.Value)) is { Name: { } name } bad)
        {
            response.Status = 400;
            response.Write(MaintenanceModes.IsKey(name)
                ? $"'{bad.Value}' is no percentage from 0 to 100 for '{name}'\n"
                : $"'{name}' cannot be changed while the proxy serves; {MaintenanceModes.KeyPrefix}<cluster name> can\n");
        }
        else
        {
            pairs.ForEach(pair => Set(pair.Name, _adminLayer, pair.Value));
            Apply();
            response.Write("OK\n");
        }
    }

    private static bool Refuses(string name, string value) =>
        !MaintenanceModes.IsKey(name) || (value.Length > 0 && !MaintenanceModes.TryParse(value, out _));

    private void Answer(InternalRequest request, InternalResponse response)
    {
        response.ContentType = "application/json";
        using Utf8JsonWriter json = new(response.Body, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartArray("layers");
        foreach (string layer in _layers)
        {
            json.WriteStringValue(layer);
        }

        json.WriteEndArray();
        json.WriteStartObject("entries");
        foreach ((string name, string[] perLayer) in _values)
        {
            json.WriteStartObject(name);
            json.WriteString("final_value", Final(perLayer));
            json.WriteStartArray("layer_values");
            foreach (string value in perLayer)
            {
                json.WriteStringValue(value);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
