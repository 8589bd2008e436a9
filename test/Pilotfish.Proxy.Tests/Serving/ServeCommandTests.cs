using Pilotfish.Proxy.Config;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Testing;

namespace Pilotfish.Proxy.Tests.Serving;

public sealed class ServeCommandTests
{
    public static TheoryData<string> Bootstraps()
    {
        TheoryData<string> files = [];
        foreach (string file in Directory.GetFiles(ConformanceData.Folder("bootstrap"), "*.json"))
        {
            files.Add(file);
        }

        return files;
    }

    [Theory]
    [MemberData(nameof(Bootstraps))]
    public void Validate_BootstrapOfIstiosAgent_IsAccepted(string file)
    {
        (int exit, string output, string errors) = Run("-c", file, "--mode", "validate", "-l", "off");

        Assert.Equal("", errors);
        Assert.Equal(0, exit);
        Assert.Contains($"configuration '{file}' OK", output);
    }

    [Fact]
    public void Validate_SeveralProblems_AreAllPrinted()
    {
        const string Yaml = """
            static_resources:
              clusters:
              - name: a
                type: STATIC
                transport_socket: {name: x, typed_config: {"@type": type.googleapis.com/google.protobuf.Struct, value: {}}}
              listeners:
              - name: b
                address: {socket_address: {address: not-an-ip, port_value: 1}}
            """;

        (int exit, _, string errors) = Run("--config-yaml", Yaml, "--mode", "validate", "-l", "off");

        Assert.Equal(1, exit);
        Assert.Contains("static cluster 'a'", errors);
        Assert.Contains("static listener 'b'", errors);
    }

    [Fact]
    public void Validate_UnknownField_NamesItsPlace()
    {
        (int exit, _, string errors) = Run("--config-yaml", "node: {id: x}\nadminn: {}\n", "--mode", "validate", "-l", "off");

        Assert.Equal(1, exit);
        Assert.Contains("--config-yaml:2:1", errors);
        Assert.Contains("adminn", errors);
    }

    [Theory]
    [InlineData("operator", "log_format: {text_format_source: {inline_string: '%START_TIME% %NO_SUCH%'}}", "17:28", "%NO_SUCH% is not known (at character 14")]
    [InlineData("operator, older spelling", "logFormat: {textFormat: '%REQ(a b)%'}", "17:27", "%REQ% has the header name 'a b'")]
    [InlineData("nested JSON", "log_format: {json_format: {a: {b: '%DURATION(x)%'}}}", "17:46", "json_format.a.b: operator %DURATION% takes no arguments")]
    [InlineData("condition", "log_format: {text_format: x}\n            filter: {extension_filter: {name: c, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter, expression: 'response.kode > 1'}}}",
        "18:159", "the expression 'response.kode > 1' cannot be used: 'response.kode' is not an attribute")]
    public void Validate_BadLogFormat_NamesFileLineColumnAndOperator(string label, string format, string place, string operatorText)
    {
        string yaml = $$$"""
            static_resources:
              listeners:
              - name: l
                address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: x
                      route_config: {name: r}
                      access_log:
                      - name: f
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                          path: /dev/null
                          {{{format}}}
                      http_filters:
                      - name: router
                        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
            """;

        (int exit, _, string errors) = Run("--config-yaml", yaml, "--mode", "validate", "-l", "off");

        Assert.Equal((label, 1), (label, exit));
        Assert.Contains($"--config-yaml:{place}", errors, StringComparison.Ordinal);
        Assert.Contains(operatorText, errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_NoConfig_ExitsWithOne() => Assert.Equal(1, Run().Exit);

    [Fact]
    public void Run_Version_PrintsAndExits() => Assert.Contains("version:", Run("--version").Output);

    [Fact]
    public void Serve_LogPathThatCannotBeOpened_EndsTheStartWithItsName()
    {
        (int exit, _, string errors) = Run("--config-yaml", "node: {id: x}", "--log-path", "/nonexistent/proxy.log", "-l", "off");

        Assert.Equal(1, exit);
        Assert.StartsWith("Flag '--log-path': the log '/nonexistent/proxy.log' cannot be opened: ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_LogPath_IsNotMade()
    {
        string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));

        (int exit, _, _) = Run("--config-yaml", "node: {id: x}", "--log-path", path, "--mode", "validate", "-l", "off");

        Assert.Equal(0, exit);
        Assert.False(File.Exists(path));
    }

    private static (int Exit, string Output, string Errors) Run(params string[] args)
    {
        LogLevel[] levels = [.. LogComponent.All.Select(static component => component.Level)];
        using StringWriter output = new();
        using StringWriter errors = new();
        try
        {
            int exit = ServeCommand.Run(args, new Dictionary<string, string>(), output, errors);
            return (exit, output.ToString(), errors.ToString());
        }
        finally
        {
            for (int i = 0; i < levels.Length; i++)
            {
                LogComponent.All[i].Level = levels[i];
            }
        }
    }
}
