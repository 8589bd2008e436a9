using Envoy.Config.Bootstrap.V3;
using Google.Protobuf;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Messages;
using Pilotfish.Api.Yaml;

namespace Pilotfish.Proxy.Config;

/// <summary>Reads the bootstrap: the file, then --config-yaml merged over it.</summary>
internal static class BootstrapLoader
{
    /// <summary>Null when there are problems, each one line with its place.</summary>
    public static Bootstrap? Load(ServeOptions options, List<string> problems, List<string> warnings)
    {
        if (options.ConfigPath.Length == 0 && options.ConfigYaml.Length == 0)
        {
            problems.Add("At least one of --config-path or --config-yaml should be non-empty.");
            return null;
        }

        Bootstrap bootstrap = new();
        if (options.ConfigPath.Length > 0)
        {
            Merge(bootstrap, ReadFile(options, problems, warnings));
        }

        if (options.ConfigYaml.Length > 0)
        {
            Merge(bootstrap, ReadText(options.ConfigYaml, "--config-yaml", options, problems, warnings));
        }

        return problems.Count == 0 ? bootstrap : null;
    }

    private static void Merge(Bootstrap bootstrap, Bootstrap? over)
    {
        if (over is not null)
        {
            bootstrap.MergeFrom(over);
        }
    }

    private static Bootstrap? ReadFile(ServeOptions options, List<string> problems, List<string> warnings)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(options.ConfigPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add($"unable to read file: {options.ConfigPath}: {FailureText.Of(e)}");
            return null;
        }

        if (options.ConfigPath.EndsWith(".pb", StringComparison.Ordinal))
        {
            return ReadBinary(options.ConfigPath, bytes, problems);
        }

        return Read(YamlDocuments.Parse(bytes, options.ConfigPath), options, problems, warnings);
    }

    private static Bootstrap? ReadBinary(string path, byte[] bytes, List<string> problems)
    {
        try
        {
            return Bootstrap.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            problems.Add($"{path}: the file is not a serialised bootstrap: {e.Message}");
            return null;
        }
    }

    private static Bootstrap? ReadText(
        string text, string name, ServeOptions options, List<string> problems, List<string> warnings) =>
        Read(YamlDocuments.Parse(text, name), options, problems, warnings);

    private static Bootstrap? Read(YamlParseResult parsed, ServeOptions options, List<string> problems, List<string> warnings)
    {
        if (!parsed.IsOk)
        {
            Add(problems, parsed.Errors);
            return null;
        }

        if (parsed.Documents.Count == 0)
        {
            return new Bootstrap();
        }

        ReadResult<Bootstrap> read = MessageReader.Read<Bootstrap>(parsed.Documents[0], ReadOptionsFor(options));
        Add(problems, read.Errors);
        Add(warnings, read.Warnings);
        return read.Message;
    }

    private static ReadOptions ReadOptionsFor(ServeOptions options) =>
        options.AllowsUnknownStaticFields ? ReadOptions.Envoy with { UnknownFields = UnknownFields.Warn } : ReadOptions.Envoy;

    private static void Add(List<string> lines, IReadOnlyList<SourceError> errors)
    {
        foreach (SourceError error in errors)
        {
            lines.Add(error.ToString());
        }
    }
}
