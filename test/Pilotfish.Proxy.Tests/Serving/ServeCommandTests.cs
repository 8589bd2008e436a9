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

    [Fact]
    public void Run_NoConfig_ExitsWithOne() => Assert.Equal(1, Run().Exit);

    [Fact]
    public void Run_Version_PrintsAndExits() => Assert.Contains("version:", Run("--version").Output);

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
