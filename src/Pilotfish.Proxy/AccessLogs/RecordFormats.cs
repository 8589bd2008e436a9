using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Compiles the common message for formats.</summary>
internal static class RecordFormats
{
    private const string WithoutQueryFormatter = "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery";
    private const string CelFormatter = "envoy.extensions.formatter.cel.v3.Cel";
    private const string MetadataFormatter = "envoy.extensions.formatter.metadata.v3.Metadata";

    public static IRecordFormat Default { get; } =
        new TextRecordFormat(FormatProgram.Compile(DefaultFormats.Text, "default format"));

    public static IRecordFormat Compile(SubstitutionFormatString format, string field)
    {
        CheckFormatters(format.Formatters, $"{field}.formatters");
        return format.FormatCase switch
        {
            SubstitutionFormatString.FormatOneofCase.TextFormat =>
                new TextRecordFormat(FormatProgram.Compile(format.TextFormat, $"{field}.text_format", format.OmitEmptyValues)),
            SubstitutionFormatString.FormatOneofCase.TextFormatSource =>
                new TextRecordFormat(FormatProgram.Compile(
                    DataSources.ReadText(format.TextFormatSource, $"{field}.text_format_source"),
                    $"{field}.text_format_source",
                    format.OmitEmptyValues)),
            SubstitutionFormatString.FormatOneofCase.JsonFormat =>
                JsonFormatProgram.Compile(format.JsonFormat, $"{field}.json_format", typed: true, format.OmitEmptyValues),
            _ => throw new ConfigRejectedException(field, "it has no format"),
        };
    }

    /// <summary>Their operators are built in here, as they are in current Envoy: they are only checked to be known.</summary>
    public static void CheckFormatters(IReadOnlyList<TypedExtensionConfig> formatters, string field)
    {
        foreach (TypedExtensionConfig formatter in formatters)
        {
            string name = ExtensionRegistry.Unwrap(formatter.TypedConfig, field).MessageName;
            if (name is not (WithoutQueryFormatter or MetadataFormatter or CelFormatter))
            {
                throw new ConfigRejectedException(field, $"formatter '{formatter.Name}' of type '{name}' is not known");
            }
        }
    }
}
