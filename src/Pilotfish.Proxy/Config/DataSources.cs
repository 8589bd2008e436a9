using System.Text;
using Envoy.Config.Core.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.AccessLogs;

namespace Pilotfish.Proxy.Config;

/// <summary>Reads core.v3.DataSource: a file, bytes, text or an environment variable. Main loop, while config compiles.</summary>
public static class DataSources
{
    // The largest thing that comes this way is a certificate bundle or a descriptor set.
    private const long BytesMax = 16 * 1024 * 1024;

    public static string ReadText(DataSource source, string field) => Encoding.UTF8.GetString(ReadBytes(source, field));

    public static byte[] ReadBytes(DataSource source, string field)
    {
        switch (source.SpecifierCase)
        {
            case DataSource.SpecifierOneofCase.InlineBytes:
                return source.InlineBytes.ToByteArray();
            case DataSource.SpecifierOneofCase.InlineString:
                return Encoding.UTF8.GetBytes(source.InlineString);
            case DataSource.SpecifierOneofCase.EnvironmentVariable:
                return FormatEnvironment.Get(source.EnvironmentVariable) is { } value
                    ? Encoding.UTF8.GetBytes(value)
                    : throw new ConfigRejectedException(field, $"the variable '{source.EnvironmentVariable}' is not set");
            case DataSource.SpecifierOneofCase.Filename:
                return ReadFile(source.Filename, field);
            default:
                throw new ConfigRejectedException(field, "the data source is empty");
        }
    }

    private static byte[] ReadFile(string path, string field)
    {
        try
        {
            FileInfo file = new(path);
            return file.Length <= BytesMax
                ? File.ReadAllBytes(path)
                : throw new ConfigRejectedException(
                    field, $"the file '{path}' has {file.Length} bytes; at most {BytesMax} are accepted");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigRejectedException(field, $"the file '{path}' cannot be read: {FailureText.Of(e)}", e);
        }
    }
}
