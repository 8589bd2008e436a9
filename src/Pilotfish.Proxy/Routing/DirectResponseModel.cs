using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Api.Failures;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled direct_response.</summary>
public sealed record DirectResponseModel(int Status, byte[] Body)
{
    /// <summary>Envoy's default of max_direct_response_body_size_bytes; Istio raises it to 1 MiB.</summary>
    public const uint DefaultBodyBytesMax = 4096;

    public static DirectResponseModel Compile(DirectResponseAction action, uint bodyBytesMax, string field)
    {
        if (action.Status is < 200 or > 599)
        {
            throw new ConfigRejectedException($"{field}.status", $"{action.Status} is not between 200 and 599");
        }

        byte[] body = Read(action.Body, $"{field}.body");
        if (body.Length > bodyBytesMax)
        {
            throw new ConfigRejectedException($"{field}.body",
                $"it has {body.Length} bytes, max_direct_response_body_size_bytes allows {bodyBytesMax}");
        }

        return new DirectResponseModel((int)action.Status, body);
    }

    private static byte[] Read(DataSource? source, string field)
    {
        switch (source?.SpecifierCase ?? DataSource.SpecifierOneofCase.None)
        {
            case DataSource.SpecifierOneofCase.InlineString:
                return Encoding.UTF8.GetBytes(source!.InlineString);
            case DataSource.SpecifierOneofCase.InlineBytes:
                return source!.InlineBytes.ToByteArray();
            case DataSource.SpecifierOneofCase.Filename:
                try
                {
                    return File.ReadAllBytes(source!.Filename);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    throw new ConfigRejectedException($"{field}.filename", $"the file '{source!.Filename}' cannot be read: {FailureText.Of(exception)}", exception);
                }

            case DataSource.SpecifierOneofCase.EnvironmentVariable:
                throw new ConfigRejectedException($"{field}.environment_variable", "bodies are not read from the environment");
            default:
                return [];
        }
    }
}
