using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Metadata of filters and config objects, and filter state.</summary>
internal static class MetadataOperators
{
    public static void AddTo(Dictionary<string, Func<FormatOperator, FormatOperation>> all)
    {
        all.Add("DYNAMIC_METADATA", static source => Metadata(MetadataArguments.Parse(source, MetadataHolder.Dynamic)));
        all.Add("CLUSTER_METADATA", static source => Metadata(MetadataArguments.Parse(source, MetadataHolder.Cluster)));
        all.Add("UPSTREAM_METADATA", static source => Metadata(MetadataArguments.Parse(source, MetadataHolder.UpstreamHost)));
        all.Add("METADATA", static source => Metadata(MetadataArguments.Parse(source)));
        all.Add("FILTER_STATE", FilterStateObject);
        all.Add("UPSTREAM_FILTER_STATE", static _ => static (in FormatSource _, FormatOutput _) => FormatValueKind.Missing);
    }

    private static Func<StreamInfo, DynamicMetadata?> Holder(MetadataHolder holder) => holder switch
    {
        MetadataHolder.Dynamic => static info => info.Metadata,
        MetadataHolder.Cluster => static info => info.ClusterMetadata,
        MetadataHolder.Route => static info => info.RouteMetadata,
        MetadataHolder.VirtualHost => static info => info.VirtualHostMetadata,
        MetadataHolder.UpstreamHost => static info => info.Upstream.HostMetadata,
        MetadataHolder.Listener => static info => info.Connection.ListenerMetadata,
        MetadataHolder.ListenerFilterChain => static info => info.Connection.FilterChainMetadata,
        _ => throw new System.Diagnostics.UnreachableException($"Unknown metadata holder {holder}."),
    };

    private static FormatOperation Metadata(MetadataArguments arguments)
    {
        Func<StreamInfo, DynamicMetadata?> holder = Holder(arguments.Holder);
        string space = arguments.Namespace;
        string[] path = arguments.Path;
        return (in FormatSource s, FormatOutput output) =>
            holder(s.Info)?.Get(space, path) is { } value ? Write(output, value) : FormatValueKind.Missing;
    }

    private static FormatOperation FilterStateObject(FormatOperator source)
    {
        FilterStateArguments arguments = FilterStateArguments.Parse(source);
        string key = arguments.Key;
        FilterStateForm form = arguments.Form;
        string field = arguments.Field ?? "";
        return (in FormatSource s, FormatOutput output) =>
        {
            IFilterStateObject? found = s.Info.FilterState?.Get(key);
            if ((form == FilterStateForm.Field ? found?.Field(field) : found?.PlainText) is not { } text)
            {
                return FormatValueKind.Missing;
            }

            if (form == FilterStateForm.Typed)
            {
                JsonText.AppendQuoted(output, text);
                return FormatValueKind.Json;
            }

            output.Append(text);
            return FormatValueKind.Text;
        };
    }

    /// <summary>A text as it is, anything else as JSON; null is missing.</summary>
    internal static FormatValueKind Write(FormatOutput output, MetadataValue value)
    {
        switch (value.Kind)
        {
            case MetadataKind.Null:
                return FormatValueKind.Missing;
            case MetadataKind.Text:
                output.Append(value.Text);
                return FormatValueKind.Text;
            case MetadataKind.Number:
                output.Append(value.Number);
                return FormatValueKind.Number;
            default:
                WriteJson(output, value);
                return FormatValueKind.Json;
        }
    }

    private static void WriteJson(FormatOutput output, MetadataValue value)
    {
        switch (value.Kind)
        {
            case MetadataKind.Text:
                JsonText.AppendQuoted(output, value.Text);
                break;
            case MetadataKind.Number:
                output.Append(value.Number);
                break;
            case MetadataKind.Boolean:
                output.Append(value.Boolean ? "true"u8 : "false"u8);
                break;
            case MetadataKind.Struct:
                WriteStruct(output, value);
                break;
            case MetadataKind.List:
                WriteList(output, value);
                break;
            default:
                output.Append("null"u8);
                break;
        }
    }

    private static void WriteStruct(FormatOutput output, MetadataValue value)
    {
        output.Append((byte)'{');
        for (int i = 0; i < value.Fields.Count; i++)
        {
            if (i > 0)
            {
                output.Append((byte)',');
            }

            JsonText.AppendQuoted(output, value.Fields[i].Key);
            output.Append((byte)':');
            WriteJson(output, value.Fields[i].Value);
        }

        output.Append((byte)'}');
    }

    private static void WriteList(FormatOutput output, MetadataValue value)
    {
        output.Append((byte)'[');
        for (int i = 0; i < value.Items.Count; i++)
        {
            if (i > 0)
            {
                output.Append((byte)',');
            }

            WriteJson(output, value.Items[i]);
        }

        output.Append((byte)']');
    }
}
