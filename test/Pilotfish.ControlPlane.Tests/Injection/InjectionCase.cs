using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Injection.KubeInject;

namespace Pilotfish.ControlPlane.Tests.Injection;

/// <summary>A recorded case: a folder with the command's arguments, its input and what it must print.</summary>
internal sealed class InjectionCase
{
    private readonly YamlMapping _case;

    public InjectionCase(string folder)
    {
        Folder = folder;
        _case = (YamlMapping)YamlDocuments.Parse(File.ReadAllText(Path.Combine(folder, "case.json")), "case.json").Documents[0];
    }

    public string Folder { get; }

    public string? Error => _case.Text("error");

    public string? Warning => _case.Text("warning");

    public string Expected => File.ReadAllText(Path.Combine(Folder, "expected.yaml"));

    /// <summary>Whether the case is about the images, which otherwise need not be equal.</summary>
    public bool SetsImages => Arguments.Any(argument => argument.Contains("image=", StringComparison.Ordinal)
        || argument.Contains("hub=", StringComparison.Ordinal) || argument.Contains("tag=", StringComparison.Ordinal));

    private List<string> Arguments =>
        _case.Sequence("args")?.Items.OfType<YamlScalar>().Select(item => item.Text).ToList() ?? [];

    public (int ExitCode, string Output, string Errors) Run(string? input = null)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        using var text = new StringReader(input ?? File.ReadAllText(Path.Combine(Folder, "input.yaml")));
        var exitCode = KubeInjectCommand.Run(Options(), name => _case.Mapping("env")?.Text(name), text, output, errors);
        return (exitCode, output.ToString(), errors.ToString());
    }

    public KubeInjectOptions Options()
    {
        var options = new KubeInjectOptions { InputFile = "-" };
        var settings = new List<string>();
        for (var i = 0; i + 1 < Arguments.Count; i += 2)
        {
            var value = Arguments[i + 1];
            var path = Path.Combine(Folder, value);
            options = Arguments[i] switch
            {
                "--meshConfigFile" => options with { MeshConfigFile = path },
                "--valuesFile" => options with { ValuesFile = path },
                "--injectConfigFile" => options with { InjectConfigFile = path },
                "--operatorFileName" => options with { OperatorFile = path },
                "--revision" or "-r" => options with { Revision = value },
                "--set" => options,
                _ => throw new InvalidOperationException($"The case uses the unknown flag '{Arguments[i]}'."),
            };
            if (Arguments[i] == "--set")
            {
                settings.Add(value);
            }
        }

        return options with { Settings = settings };
    }
}
