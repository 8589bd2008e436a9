using System.Text.Json;
using Envoy.Config.Bootstrap.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Http1.InternalServer;

namespace Pilotfish.Proxy.Admin;

/// <summary>/runtime: the layers of the bootstrap and the values that result. Later layers win.</summary>
internal sealed class RuntimeEndpoint
{
    private readonly List<string> _layers = [];
    private readonly SortedDictionary<string, string[]> _values = new(StringComparer.Ordinal);

    public RuntimeEndpoint(LayeredRuntime? runtime)
    {
        foreach (RuntimeLayer layer in runtime?.Layers ?? [])
        {
            _layers.Add(layer.Name);
        }

        for (int i = 0; i < _layers.Count; i++)
        {
            Collect("", runtime!.Layers[i].StaticLayer, i);
        }
    }

    public AdminEndpoint Endpoint => AdminEndpoint.Get("/runtime", "print runtime values", Answer);

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

            if (!_values.TryGetValue(name, out string[]? perLayer))
            {
                perLayer = new string[_layers.Count];
                Array.Fill(perLayer, "");
                _values.Add(name, perLayer);
            }

            perLayer[layer] = value.KindCase switch
            {
                Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
                Value.KindOneofCase.NumberValue => value.NumberValue.ToString(System.Globalization.CultureInfo.InvariantCulture),
                _ => value.StringValue,
            };
        }
    }

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
            json.WriteString("final_value", Array.FindLast(perLayer, static value => value.Length > 0) ?? "");
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
