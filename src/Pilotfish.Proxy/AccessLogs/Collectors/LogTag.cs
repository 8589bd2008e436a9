using System.Text;
using Envoy.Type.Tracing.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;
using Holder = Envoy.Type.Metadata.V3.MetadataKind;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>A custom tag of a collector's entries (envoy.type.tracing.v3.CustomTag). One whose value is empty is left out.</summary>
internal sealed class LogTag
{
    private readonly string _name;
    private readonly FormatOperation _value;
    private readonly byte[] _default;

    private LogTag(string name, FormatOperation value, string whenMissing)
    {
        _name = name;
        _value = value;
        _default = Encoding.UTF8.GetBytes(whenMissing);
    }

    public string Name => _name;

    public static IReadOnlyList<LogTag> Compile(IReadOnlyList<CustomTag> tags, string field)
    {
        List<LogTag> compiled = [];
        for (int i = 0; i < tags.Count; i++)
        {
            compiled.Add(Compile(tags[i], $"{field}[{i}]"));
        }

        return compiled;
    }

    /// <summary>Writes the tag as an entry of a map from string to string.</summary>
    public void WriteEntry(WireWriter writer, int field, in FormatSource source)
    {
        int before = writer.Output.Length;
        int entry = writer.Begin(field);
        writer.Text(1, _name);
        int value = writer.Begin(2);
        if (AppendValue(writer.Output, in source))
        {
            writer.EndText(value);
            writer.End(entry);
        }
        else
        {
            writer.Output.Rewind(before);
        }
    }

    /// <summary>Appends the value; false when there is none.</summary>
    public bool AppendValue(FormatOutput output, in FormatSource source)
    {
        int start = output.Length;
        if (_value(in source, output) == FormatValueKind.Missing)
        {
            output.Append(_default);
        }

        return output.Length > start;
    }

    private static LogTag Compile(CustomTag tag, string field)
    {
        if (tag.Tag.Length == 0)
        {
            throw new ConfigRejectedException($"{field}.tag", "the tag has no name");
        }

        switch (tag.TypeCase)
        {
            case CustomTag.TypeOneofCase.Literal:
                return Constant(tag.Tag, tag.Literal.Value);
            case CustomTag.TypeOneofCase.Environment:
                return Constant(tag.Tag, FormatEnvironment.Get(tag.Environment.Name) ?? tag.Environment.DefaultValue);
            case CustomTag.TypeOneofCase.RequestHeader:
                return Header(tag.Tag, tag.RequestHeader);
            case CustomTag.TypeOneofCase.Metadata:
                return Metadata(tag.Tag, tag.Metadata, $"{field}.metadata");
            case CustomTag.TypeOneofCase.Value:
                FormatProgram program = FormatProgram.Compile(tag.Value, $"{field}.value", omitMissing: true);
                return new LogTag(tag.Tag, (in FormatSource source, FormatOutput output) =>
                {
                    program.Append(output, in source);
                    return FormatValueKind.Text;
                }, "");
            default:
                throw new ConfigRejectedException(field, $"the tag '{tag.Tag}' says no value");
        }
    }

    private static LogTag Constant(string name, string value) =>
        new(name, static (in FormatSource _, FormatOutput _) => FormatValueKind.Missing, value);

    private static LogTag Header(string name, CustomTag.Types.Header header)
    {
        HeaderKeys keys = HeaderKeys.Of(new HeaderArguments(header.Name.ToLowerInvariant(), null));
        return new LogTag(name, (in FormatSource source, FormatOutput output) =>
        {
            if (!keys.TryGet(source.Info.RequestHeaders, out ReadOnlySpan<byte> value))
            {
                return FormatValueKind.Missing;
            }

            output.Append(value);
            return FormatValueKind.Text;
        }, header.DefaultValue);
    }

    private static LogTag Metadata(string name, CustomTag.Types.Metadata metadata, string field)
    {
        Func<StreamInfo, DynamicMetadata?> holder = metadata.Kind?.KindCase switch
        {
            Holder.KindOneofCase.Route => static info => info.RouteMetadata,
            Holder.KindOneofCase.Cluster => static info => info.ClusterMetadata,
            Holder.KindOneofCase.Host => static info => info.Upstream.HostMetadata,
            Holder.KindOneofCase.Request => static info => info.Metadata,
            _ => throw new ConfigRejectedException($"{field}.kind", "the tag does not say whose metadata it takes"),
        };
        string space = metadata.MetadataKey?.Key ?? "";
        string[] path = new string[metadata.MetadataKey?.Path.Count ?? 0];
        for (int i = 0; i < path.Length; i++)
        {
            path[i] = metadata.MetadataKey!.Path[i].Key;
        }

        return new LogTag(
            name,
            (in FormatSource source, FormatOutput output) => holder(source.Info)?.Get(space, path) is { } value
                ? MetadataOperators.Write(output, value)
                : FormatValueKind.Missing,
            metadata.DefaultValue);
    }
}
