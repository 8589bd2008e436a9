using System.IO.Hashing;
using Pilotfish.Proxy.Tests.Fuzz;
using SharpFuzz;

// The seeded fuzz targets under a coverage-guided fuzzer; fuzz/run.sh drives it.
//   list                  the targets
//   seeds TARGET DIR N    writes N inputs that the seeded run would make
//   run TARGET            takes inputs from afl-fuzz
//   replay TARGET FILE... checks inputs that were found, and prints what is wrong
switch (args)
{
    case ["list"]:
        foreach (FuzzTarget known in FuzzTarget.All)
        {
            Console.WriteLine(known.Name);
        }

        return 0;
    case ["seeds", var name, var directory, var count]:
        Directory.CreateDirectory(directory);
        for (int i = 0; i < int.Parse(count, null); i++)
        {
            File.WriteAllBytes(Path.Combine(directory, $"seed-{i}"), Target(name).Make(new Random(i)));
        }

        return 0;
    case ["run", var name]:
        // Instrumented code has a map to write to only inside of Run, and making the targets runs some.
        FuzzTarget? target = null;
        Fuzzer.OutOfProcess.Run(stream =>
        {
            target ??= Target(name);
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            Check(target, bytes.ToArray());
        });
        return 0;
    case ["replay", var name, .. var files]:
        int failed = 0;
        foreach (string file in files)
        {
            byte[] input = File.ReadAllBytes(file);
            try
            {
                Check(Target(name), input);
                Console.WriteLine($"{file}: passes");
            }
            catch (Exception exception)
            {
                // Whatever it is: the input is what a test is made of.
                failed++;
                Console.WriteLine($"{file}: {Convert.ToHexString(input)}{Environment.NewLine}{exception}");
            }
        }

        return failed == 0 ? 0 : 1;
    default:
        Console.Error.WriteLine("usage: list | seeds TARGET DIR N | run TARGET | replay TARGET FILE...");
        return 64;
}

static FuzzTarget Target(string name) => FuzzTarget.All.FirstOrDefault(target => target.Name == name)
    ?? throw new ArgumentException($"'{name}' is no target; there are {string.Join(", ", FuzzTarget.All.Select(static target => target.Name))}.");

// Where an input is cut hangs on its bytes alone, so that it fails again when it is replayed.
static void Check(FuzzTarget target, byte[] input) => target.Check(input, new Random((int)XxHash32.HashToUInt32(input)));
